export function movingPicture(frames: readonly { png: Buffer; ms: number }[]): Buffer;
