/** Lists of addresses that something is allowed from. */
import ipaddr from "ipaddr.js";

/** `entries`: IP addresses, and IPv4 ranges as `192.0.2.0/24`. An address that nobody vouches for is on no list. */
export function isListed(address: string | null, entries: readonly string[]): boolean {
  if (address === null || !ipaddr.isValid(address)) return false;
  const client = ipaddr.process(address);
  return entries.some((entry) => {
    const [network = "", bits] = entry.split("/");
    const listed = ipaddr.process(network);
    if (bits === undefined) return listed.toNormalizedString() === client.toNormalizedString();
    return client instanceof ipaddr.IPv4 && listed instanceof ipaddr.IPv4 && client.match(listed, Number(bits));
  });
}
