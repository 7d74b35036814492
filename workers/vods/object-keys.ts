/** Where a VOD's objects are in the bucket. Its parts' keys are in their rows. */

export const thumbnailKey = (publicId: string) => `vods/${publicId}/thumbnail.jpg`;
export const storyboardKey = (publicId: string) => `vods/${publicId}/storyboard.jpg`;
