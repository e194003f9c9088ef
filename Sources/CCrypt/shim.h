// libxcrypt's reentrant interface, of which the Bcrypt target uses crypt_gensalt_rn and crypt_rn, and what glibc declares for
// _GNU_SOURCE only of what its processes need.
#pragma once

#include <crypt.h>
#include <spawn.h>

extern int pipe2(int *, int);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
