// What the GRPC target uses of zlib. Functions are called as they are; only macros need a shim.
#pragma once

#include <zlib.h>

/* 15 bits of window, and 16 for the form of gzip. */
static inline int clinic_inflateInit(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/* The fastest level: responses are made while others wait. */
static inline int clinic_deflateInit(z_stream *stream) {
    return deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
