#!/bin/sh
# Stands between Miniflare and workerd ($SLUICE_WORKERD), so that workerd never outlives the launcher, not even a killed
# one, and does not see the terminal's Ctrl-C: it must still be there when the media worker says goodbye.
# $SLUICE_WORKERD_WAIT: seconds to wait first, when workerd has died several times in a row.
trap '' INT HUP
sleep "${SLUICE_WORKERD_WAIT:-0}"
kill -0 "$PPID" 2>/dev/null || exit 1
if command -v setpriv >/dev/null 2>&1; then
  exec setpriv --pdeathsig KILL "$SLUICE_WORKERD" "$@"
fi
# Without setpriv (macOS) a second shell watches both. It must not hold the pipes open.
launcher=$PPID
(while kill -0 "$launcher" && kill -0 $$; do sleep 1; done; kill -9 $$) </dev/null >/dev/null 2>&1 3>&- &
exec "$SLUICE_WORKERD" "$@"
