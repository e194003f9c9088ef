// The one header of libprotobuf-c.
#include <protobuf-c/protobuf-c.h>
