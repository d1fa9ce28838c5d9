#!/bin/sh
# Flux denies warnings that newer compilers have and its own did not. RUSTFLAGS does not reach it, a wrapper does.
exec "$@" --cap-lints warn
