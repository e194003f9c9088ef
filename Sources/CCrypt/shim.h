// libxcrypt's reentrant interface, of which the Bcrypt target uses crypt_gensalt_rn and crypt_rn.
#pragma once

#include <crypt.h>
