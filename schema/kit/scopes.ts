/** Scopes: `:`-separated segments. `*` grants everything; a `*` segment grants any one segment, never several. */

/** `access:*` grants `access:nas`, not `access:nas:ro`. */
export function grants(granted: readonly string[], wanted: string): boolean {
  const segments = wanted.split(":");
  return granted.some((scope) => {
    if (scope === "*" || scope === wanted) return true;
    const pattern = scope.split(":");
    return pattern.length === segments.length && pattern.every((part, at) => part === "*" || part === segments[at]);
  });
}

/** What both lists grant: all that either names and the other one grants. */
export function shared(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one.filter((scope) => grants(other, scope)), ...other.filter((scope) => grants(one, scope))])];
}
