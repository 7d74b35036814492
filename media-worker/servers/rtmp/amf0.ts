/**
 * Action Message Format 0 (Adobe, 2007): the encoding of RTMP commands and metadata.
 * Decoding is bounded in depth and in number of values; a message's size is bounded by the chunk reader.
 */

export type AmfObject = { [key: string]: AmfValue };
/** Dates arrive as milliseconds; typed objects as plain ones; XML documents as strings. */
export type AmfValue = number | boolean | string | null | undefined | AmfObject | AmfValue[];

export class AmfError extends Error {
  override name = "AmfError";
}

const MAX_DEPTH = 8;
const MAX_VALUES = 1000;

const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xmlDocument: 15,
  typedObject: 16,
} as const;

/** All values of a message. Throws `AmfError` on anything truncated, unknown, too deep or too many. */
export function decodeAmf0(bytes: Buffer): AmfValue[] {
  const decoder = new Decoder(bytes);
  const values: AmfValue[] = [];
  while (!decoder.done) values.push(decoder.value(0));
  return values;
}

class Decoder {
  readonly #bytes: Buffer;
  #at = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): AmfValue {
    if (++this.#values > MAX_VALUES) throw new AmfError("too many values");
    const marker = this.#bytes.readUInt8(this.#take(1));
    switch (marker) {
      case MARKER.number:
        return this.#bytes.readDoubleBE(this.#take(8));
      case MARKER.boolean:
        return this.#bytes.readUInt8(this.#take(1)) !== 0;
      case MARKER.string:
        return this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      case MARKER.longString:
      case MARKER.xmlDocument:
        return this.#text(this.#bytes.readUInt32BE(this.#take(4)));
      case MARKER.object:
        return this.#object(depth + 1, Number.POSITIVE_INFINITY);
      case MARKER.typedObject:
        this.#text(this.#bytes.readUInt16BE(this.#take(2)));
        return this.#object(depth + 1, Number.POSITIVE_INFINITY);
      case MARKER.ecmaArray:
        return this.#object(depth + 1, this.#bytes.readUInt32BE(this.#take(4)));
      case MARKER.strictArray:
        return this.#array(depth + 1);
      case MARKER.date: {
        const milliseconds = this.#bytes.readDoubleBE(this.#take(8));
        this.#take(2); // time zone, "should not be used"
        return milliseconds;
      }
      case MARKER.null:
        return null;
      case MARKER.undefined:
      case MARKER.unsupported:
        return undefined;
      default:
        throw new AmfError(`marker ${marker} is not supported`);
    }
  }

  /** `count` is what an ECMA array announces. Encoders get it wrong, so it only excuses a missing end at the end. */
  #object(depth: number, count: number): AmfObject {
    if (depth > MAX_DEPTH) throw new AmfError("nested too deep");
    // No prototype: `__proto__` is a name like any other.
    const object: AmfObject = Object.create(null);
    for (let entries = 0; ; entries++) {
      if (this.done && entries >= count) return object;
      const key = this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      if (key === "" && this.#bytes[this.#at] === MARKER.objectEnd) {
        this.#take(1);
        return object;
      }
      object[key] = this.value(depth);
    }
  }

  #array(depth: number): AmfValue[] {
    if (depth > MAX_DEPTH) throw new AmfError("nested too deep");
    const count = this.#bytes.readUInt32BE(this.#take(4));
    if (count > MAX_VALUES) throw new AmfError("too many values");
    const array: AmfValue[] = [];
    while (array.length < count) array.push(this.value(depth));
    return array;
  }

  #text(length: number): string {
    const at = this.#take(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  /** Steps over `count` bytes and returns where they begin. */
  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new AmfError("truncated");
    this.#at = at + count;
    return at;
  }
}

/** Arrays become strict arrays, objects anonymous objects. */
export function encodeAmf0(...values: AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) encodeValue(value, parts);
  return Buffer.concat(parts);
}

function encodeValue(value: AmfValue, parts: Buffer[]): void {
  if (value === null) parts.push(Buffer.of(MARKER.null));
  else if (value === undefined) parts.push(Buffer.of(MARKER.undefined));
  else if (typeof value === "boolean") parts.push(Buffer.of(MARKER.boolean, value ? 1 : 0));
  else if (typeof value === "number") {
    const bytes = Buffer.allocUnsafe(9);
    bytes[0] = MARKER.number;
    bytes.writeDoubleBE(value, 1);
    parts.push(bytes);
  } else if (typeof value === "string") encodeString(value, parts);
  else if (Array.isArray(value)) {
    const head = Buffer.allocUnsafe(5);
    head[0] = MARKER.strictArray;
    head.writeUInt32BE(value.length, 1);
    parts.push(head);
    for (const item of value) encodeValue(item, parts);
  } else {
    parts.push(Buffer.of(MARKER.object));
    for (const [key, item] of Object.entries(value)) {
      parts.push(shortText(key));
      encodeValue(item, parts);
    }
    parts.push(Buffer.of(0, 0, MARKER.objectEnd));
  }
}

function encodeString(value: string, parts: Buffer[]): void {
  const length = Buffer.byteLength(value);
  if (length <= 0xffff) {
    parts.push(Buffer.of(MARKER.string), shortText(value));
    return;
  }
  const head = Buffer.allocUnsafe(5);
  head[0] = MARKER.longString;
  head.writeUInt32BE(length, 1);
  parts.push(head, Buffer.from(value));
}

function shortText(value: string): Buffer {
  const length = Buffer.byteLength(value);
  if (length > 0xffff) throw new AmfError("a name longer than 65,535 bytes");
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes.writeUInt16BE(length);
  bytes.write(value, 2);
  return bytes;
}
