/** What the entry exports besides itself, for `exports` of `cloudflare:workers`. */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: { MediaCache: typeof import("./streams/playback-cache.ts").MediaCache };
  }
}
