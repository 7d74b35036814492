/** Rules by which the bucket removes things by itself. */
import type { Finding } from "./finding.ts";

const RECORDINGS = "vods/";
const check = "lifecycle";

const textOf = (xml: string, name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

type Rule = { id: string; prefix: string; expires: boolean; aborts: boolean };

/** The rules that are on. Tags and sizes narrow a rule further: it may still meet a recording. */
function rulesOf(xml: string): Rule[] {
  return [...xml.matchAll(/<Rule>([\s\S]*?)<\/Rule>/g)]
    .map(([, rule = ""]) => rule)
    .filter((rule) => textOf(rule, "Status") === "Enabled")
    .map((rule) => ({
      id: textOf(rule, "ID") ?? "without a name",
      prefix: textOf(rule, "Prefix") ?? "",
      expires: rule.includes("<Expiration>"),
      aborts: rule.includes("<AbortIncompleteMultipartUpload>"),
    }));
}

const meets = (prefix: string) => RECORDINGS.startsWith(prefix) || prefix.startsWith(RECORDINGS);

/** `xml`: the bucket's configuration; empty when it has none. */
export function judgeLifecycle(xml: string): Finding[] {
  const rules = rulesOf(xml).filter((rule) => meets(rule.prefix));
  const findings: Finding[] = rules
    .filter((rule) => rule.expires)
    .map((rule) => ({
      check,
      verdict: "warning",
      message: `The rule ${rule.id} removes recordings after a while; Sluice goes on listing them`,
      todo: `Limit the rule to another prefix than ${RECORDINGS}, unless this is what you want`,
    }));
  if (!rules.some((rule) => rule.aborts && RECORDINGS.startsWith(rule.prefix))) {
    findings.push({
      check,
      verdict: "advice",
      message: "Nothing ends uploads that were begun and never completed; their slices cost storage",
      todo: "Add a rule that aborts incomplete multipart uploads after 7 days (R2 has one from the start)",
    });
  }
  if (findings.length > 0) return findings;
  return [{ check, verdict: "ok", message: "Recordings stay, and uploads that were left behind end" }];
}
