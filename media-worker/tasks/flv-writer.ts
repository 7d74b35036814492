/**
 * H.264 pictures as FLV, FFmpeg's way in: unlike a bare H.264 stream it says which picture is which, also when some of
 * them do not decode, and its decoder configuration may change on the way.
 */

const VIDEO_TAG = 9;
const KEYFRAME_AVC = 0x17;
const CONFIGURATION = 0;
const PICTURE = 1;
const TAG_HEAD = 11;
const VIDEO_HEAD = 5;

/** FLV version 1, video only; then the size of the tag before the first. */
export const FLV_HEADER = Buffer.of(0x46, 0x4c, 0x56, 1, 1, 0, 0, 0, 9, 0, 0, 0, 0);

/** `time`: ms. */
export const configurationTag = (avcC: Buffer, time: number): Buffer => videoTag(CONFIGURATION, avcC, time);

/** `sample`: NAL units with length prefixes, as in MP4. */
export const pictureTag = (sample: Buffer, time: number): Buffer => videoTag(PICTURE, sample, time);

function videoTag(type: number, payload: Buffer, time: number): Buffer {
  const size = VIDEO_HEAD + payload.length;
  const tag = Buffer.alloc(TAG_HEAD + size + 4);
  tag[0] = VIDEO_TAG;
  tag.writeUIntBE(size, 1, 3);
  tag.writeUIntBE(time & 0xffffff, 4, 3);
  tag[7] = time >>> 24;
  tag[TAG_HEAD] = KEYFRAME_AVC;
  tag[TAG_HEAD + 1] = type;
  payload.copy(tag, TAG_HEAD + VIDEO_HEAD);
  tag.writeUInt32BE(TAG_HEAD + size, TAG_HEAD + size);
  return tag;
}
