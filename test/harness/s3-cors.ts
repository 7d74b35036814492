/** A bucket's CORS rules: what a browser on another site may ask. */
import { elements, unescapeXml } from "./s3-problem.ts";

type Rule = { origins: string[]; methods: string[]; headers: string[]; expose: string[]; maxAge: string | undefined };

const texts = (xml: string, name: string) => elements(xml, name).map((text) => unescapeXml(text.trim()));

const rulesOf = (xml: string): Rule[] =>
  elements(xml, "CORSRule").map((rule) => ({
    origins: texts(rule, "AllowedOrigin"),
    methods: texts(rule, "AllowedMethod"),
    headers: texts(rule, "AllowedHeader").map((name) => name.toLowerCase()),
    expose: texts(rule, "ExposeHeader"),
    maxAge: texts(rule, "MaxAgeSeconds")[0],
  }));

/** `*` stands for anything, once. */
function matches(pattern: string, text: string): boolean {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return pattern === text;
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

export type CorsQuestion = { origin: string; method: string; headers: string[] };

/** The headers of the answer, or null when no rule allows it. `xml`: the configuration, if there is one. */
export function corsAnswer(
  xml: string | null,
  { origin, method, headers }: CorsQuestion,
): Record<string, string> | null {
  const rule = rulesOf(xml ?? "").find(
    ({ origins, methods, headers: allowed }) =>
      origins.some((pattern) => matches(pattern, origin)) &&
      methods.includes(method) &&
      headers.every((name) => allowed.some((pattern) => matches(pattern, name.toLowerCase()))),
  );
  if (!rule) return null;
  return {
    "access-control-allow-origin": rule.origins.includes("*") ? "*" : origin,
    "access-control-allow-methods": rule.methods.join(", "),
    ...(headers.length > 0 && { "access-control-allow-headers": headers.join(", ") }),
    ...(rule.expose.length > 0 && { "access-control-expose-headers": rule.expose.join(", ") }),
    ...(rule.maxAge !== undefined && { "access-control-max-age": rule.maxAge }),
    vary: "Origin",
  };
}
