/** hls.js ships its types once, for the full build; the light build has the same surface with less behind it. */
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
