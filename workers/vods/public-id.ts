import { toBase64url } from "#kit/base64url";

/** 16 url-safe characters: 96 random bits. */
const random = () => toBase64url(crypto.getRandomValues(new Uint8Array(12)));

export const newVodId = (): string => `vod_${random()}`;
export const newPartId = (): string => `part_${random()}`;
