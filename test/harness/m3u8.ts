/** A strict reader of the playlists Sluice writes: what it does not understand is a violation, not ignored. */

export type Part = { uri: string; duration: number; independent: boolean };
export type Segment = {
  msn: number;
  uri: string;
  duration: number;
  discontinuity: boolean;
  programDateTime: number | null;
  map: string | null;
  parts: Part[];
};
export type MediaPlaylist = {
  version: number;
  targetDuration: number;
  mediaSequence: number;
  /** Null when the tag is absent (which means 0). */
  discontinuitySequence: number | null;
  independentSegments: boolean;
  partTarget: number | null;
  serverControl: Record<string, string>;
  segments: Segment[];
  /** Parts after the last whole segment; its discontinuity and map as far as they are announced. */
  open: { parts: Part[]; discontinuity: boolean; map: string | null };
  preloadHint: string | null;
  ended: boolean;
};
export type Variant = {
  uri: string;
  bandwidth: number;
  averageBandwidth: number | null;
  codecs: string[];
  resolution: { width: number; height: number } | null;
  frameRate: number | null;
};

/** Attribute lists of RFC 8216bis 4.2. */
export function attributes(text: string): Record<string, string> {
  const list: Record<string, string> = {};
  for (const match of text.matchAll(/([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)/g)) {
    list[match[1] ?? ""] = (match[2] ?? "").replace(/^"|"$/g, "");
  }
  return list;
}

export function parseMaster(text: string): { variants: Variant[]; independentSegments: boolean } {
  const lines = text.split("\n").map((line) => line.trim());
  if (lines[0] !== "#EXTM3U") throw new Error("the first line is not #EXTM3U");
  const variants = lines.flatMap((line, index) => {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) return [];
    const list = attributes(line.slice(line.indexOf(":") + 1));
    const [width, height] = (list.RESOLUTION ?? "").split("x").map(Number);
    return {
      uri: lines[index + 1] ?? "",
      bandwidth: Number(list.BANDWIDTH),
      averageBandwidth: list["AVERAGE-BANDWIDTH"] === undefined ? null : Number(list["AVERAGE-BANDWIDTH"]),
      codecs: (list.CODECS ?? "").split(",").filter(Boolean),
      resolution: width && height ? { width, height } : null,
      frameRate: list["FRAME-RATE"] === undefined ? null : Number(list["FRAME-RATE"]),
    };
  });
  return { variants, independentSegments: lines.includes("#EXT-X-INDEPENDENT-SEGMENTS") };
}

/** Throws on anything that is not well-formed. */
export function parseMedia(text: string): MediaPlaylist {
  const lines = text.split("\n");
  if (lines[0] !== "#EXTM3U") throw new Error("the first line is not #EXTM3U");
  if (lines.at(-1) !== "") throw new Error("the last line has no end");
  const list: MediaPlaylist = {
    version: 1,
    targetDuration: Number.NaN,
    mediaSequence: 0,
    discontinuitySequence: null,
    independentSegments: false,
    partTarget: null,
    serverControl: {},
    segments: [],
    open: { parts: [], discontinuity: false, map: null },
    preloadHint: null,
    ended: false,
  };
  let duration: number | null = null;
  let programDateTime: number | null = null;
  let discontinuity = false;
  let map: string | null = null;
  let parts: Part[] = [];
  for (const line of lines.slice(1)) {
    if (line === "") continue;
    if (list.ended) throw new Error(`a line after ENDLIST: ${line}`);
    const [tag = "", value = ""] = line.startsWith("#") ? splitTag(line) : ["URI", line];
    switch (tag) {
      case "#EXT-X-VERSION":
        list.version = Number(value);
        break;
      case "#EXT-X-TARGETDURATION":
        if (!/^\d+$/.test(value)) throw new Error(`TARGETDURATION is no integer: ${value}`);
        list.targetDuration = Number(value);
        break;
      case "#EXT-X-MEDIA-SEQUENCE":
        list.mediaSequence = Number(value);
        break;
      case "#EXT-X-DISCONTINUITY-SEQUENCE":
        if (list.segments.length > 0) throw new Error("DISCONTINUITY-SEQUENCE after a segment");
        list.discontinuitySequence = Number(value);
        break;
      case "#EXT-X-INDEPENDENT-SEGMENTS":
        list.independentSegments = true;
        break;
      case "#EXT-X-SERVER-CONTROL":
        list.serverControl = attributes(value);
        break;
      case "#EXT-X-PART-INF":
        list.partTarget = Number(attributes(value)["PART-TARGET"]);
        break;
      case "#EXT-X-MAP":
        map = attributes(value).URI ?? null;
        break;
      case "#EXT-X-DISCONTINUITY":
        discontinuity = true;
        break;
      case "#EXT-X-PROGRAM-DATE-TIME":
        programDateTime = Date.parse(value);
        if (Number.isNaN(programDateTime)) throw new Error(`not a date: ${value}`);
        break;
      case "#EXT-X-PART": {
        const found = attributes(value);
        parts.push({
          uri: found.URI ?? "",
          duration: Number(found.DURATION),
          independent: found.INDEPENDENT === "YES",
        });
        break;
      }
      case "#EXT-X-PRELOAD-HINT":
        list.preloadHint = attributes(value).URI ?? null;
        break;
      case "#EXTINF":
        duration = Number(value.split(",")[0]);
        break;
      case "#EXT-X-ENDLIST":
        list.ended = true;
        break;
      case "URI": {
        if (duration === null) throw new Error(`no EXTINF before ${value}`);
        const msn = list.mediaSequence + list.segments.length;
        list.segments.push({ msn, uri: value, duration, discontinuity, programDateTime, map, parts });
        duration = null;
        programDateTime = null;
        discontinuity = false;
        parts = [];
        break;
      }
      default:
        throw new Error(`unknown line: ${line}`);
    }
  }
  list.open = { parts, discontinuity, map };
  return list;
}

function splitTag(line: string): [string, string] {
  const colon = line.indexOf(":");
  return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
}
