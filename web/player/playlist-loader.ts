import Hls, {
  type LoaderCallbacks,
  type LoaderConfiguration,
  type PlaylistLoaderConstructor,
  type PlaylistLoaderContext,
} from "hls.js/light";

type Callbacks = LoaderCallbacks<PlaylistLoaderContext>;

/** hls.js's own, which loads playlists, too. */
const Loader = Hls.DefaultConfig.loader as PlaylistLoaderConstructor;

/**
 * A playlist that ends with a segment (nobody publishes, so no part is announced) gets one more, empty line. Without it
 * hls.js takes that segment for the beginning of the next one as well, and the next one, when a discontinuity comes
 * before it, for a contradiction that ends playback (1.7.4).
 */
export class PlaylistLoader extends Loader {
  override load(context: PlaylistLoaderContext, config: LoaderConfiguration, callbacks: Callbacks): void {
    const onSuccess: Callbacks["onSuccess"] = (response, ...rest) => {
      if (typeof response.data === "string") response.data += "\n#\n";
      callbacks.onSuccess(response, ...rest);
    };
    super.load(context, config, { ...callbacks, onSuccess });
  }
}
