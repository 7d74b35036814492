import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientBucket, forwardedAddress, normalAddress } from "../../schema/kit/client-address.ts";

describe("forwardedAddress", () => {
  test.each([
    ["203.0.113.1", 1, "203.0.113.1"],
    ["198.51.100.9, 203.0.113.1", 1, "203.0.113.1"],
    ["198.51.100.9 ,203.0.113.1", 2, "198.51.100.9"],
    ["198.51.100.9", 2, null],
    ["nonsense", 1, null],
    ["", 1, null],
    [null, 1, null],
    ["2001:DB8::1", 1, "2001:db8::1"],
    ["::ffff:203.0.113.1", 1, "203.0.113.1"],
    ["203.0.113.1:4711", 1, null],
    ["203.0.113.1,", 1, null],
  ])("%j behind %d is %j", (header, proxies, expected) => {
    expect(forwardedAddress(header, proxies)).toBe(expected);
  });

  test("what the client puts in front changes nothing", () => {
    fc.assert(
      fc.property(fc.string(), (forged) => {
        expect(forwardedAddress(`${forged}, 203.0.113.1`, 1)).toBe("203.0.113.1");
      }),
    );
  });
});

describe("clientBucket", () => {
  test.each([
    ["203.0.113.1", "203.0.113.1"],
    ["::ffff:203.0.113.1", "203.0.113.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80::/64"],
  ])("%s counts as %s", (address, bucket) => {
    expect(clientBucket(address)).toBe(bucket);
  });
});

test("normalAddress takes addresses only", () => {
  expect(normalAddress("203.0.113.1")).toBe("203.0.113.1");
  for (const text of ["", "x", "203.0.113", "203.0.113.1/24", "999.1.1.1", null])
    expect(normalAddress(text)).toBeNull();
});
