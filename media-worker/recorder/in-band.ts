/**
 * H.264 parameter sets in front of the keyframes that a player may begin with. A part's `moov` has them too, but players
 * built on FFmpeg take only the first `moov` of a playlist, and would decode the parts after another resolution with it.
 */
import { parameterSets } from "../packager/avc.ts";

const NAL = { slice: 1, idr: 5, sps: 7, pps: 8, delimiter: 9 } as const;

export class InBandParameters {
  readonly #lengthBytes: number;
  /** The sets with their length prefixes. */
  readonly #sets: Buffer;

  /** `record`: AVCDecoderConfigurationRecord (ISO/IEC 14496-15). */
  constructor(record: Buffer) {
    const lengthBytes = ((record[4] ?? 0xff) & 3) + 1;
    const sets = parameterSets(record);
    const fit = sets.every(({ length }) => length < 256 ** lengthBytes);
    this.#lengthBytes = lengthBytes;
    this.#sets = Buffer.concat(fit ? sets.flatMap((set) => [prefix(set.length, lengthBytes), set]) : []);
  }

  /** The picture with parameter sets: as it is, if its encoder put them there. */
  inFrontOf(picture: Buffer): Buffer {
    const head = this.#headOf(picture);
    if (head === null) return picture;
    return Buffer.concat([picture.subarray(0, head), this.#sets, picture.subarray(head)]);
  }

  /** Where the sets belong: nothing but an access unit delimiter comes before them. Null: there are some. */
  #headOf(picture: Buffer): number | null {
    const found = new Set<number>();
    let head = 0;
    for (let at = 0; at + this.#lengthBytes < picture.length; ) {
      const type = (picture[at + this.#lengthBytes] ?? 0) & 0x1f;
      const end = at + this.#lengthBytes + picture.readUIntBE(at, this.#lengthBytes);
      if (end > picture.length || (type >= NAL.slice && type <= NAL.idr)) break;
      if (at === 0 && type === NAL.delimiter) head = end;
      found.add(type);
      at = end;
    }
    return found.has(NAL.sps) && found.has(NAL.pps) ? null : head;
  }
}

function prefix(length: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(length, 0, bytes);
  return out;
}
