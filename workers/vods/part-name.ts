/**
 * The name that a part keeps. Its number is where it plays, and moves when a media worker that was away hands in an
 * earlier part; what players keep and go on asking for must not change under them.
 */

export type PartName = { epoch: string; n: number };

export const partName = ({ epoch, n }: PartName) => `${epoch}-${n}`;
