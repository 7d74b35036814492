/** Which client a request comes from, for limits and the audit log. */
import ipaddr from "ipaddr.js";

/**
 * The address that `proxies` proxies in front vouch for: each appends the address it sees to `X-Forwarded-For`, so it
 * is counted from the end. Null when the request did not pass that many.
 */
export function forwardedAddress(header: string | null, proxies: number): string | null {
  const hops = (header ?? "").split(",").map((hop) => hop.trim());
  return normalAddress(hops.at(-proxies) ?? null);
}

/**
 * The canonical spelling of an IP address, IPv4 in IPv6 as IPv4; null for anything else, the short forms of IPv4
 * (`127.1`) included.
 */
export function normalAddress(text: string | null): string | null {
  if (text === null || !(ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text))) return null;
  return ipaddr.process(text).toString();
}

/** What counts as one client: an IPv4 address, or the /64 that an IPv6 address is in. */
export function clientBucket(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${address.replace(/%.*$/, "")}/64`);
  return `${network.toString()}/64`;
}
