package clinic

import (
	"strings"

	_ "clinic/v1" // The schema, which is asked below.

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// method is what the client knows of a method.
type method struct {
	// isRead is whether the schema says that it has no side effects.
	isRead bool
	// isRepeatable is whether calling it twice does no harm, with or without a key.
	isRepeatable bool
	// takesToken is whether it is called with the caller's token.
	takesToken bool
}

// methodOf returns what the schema says of a method, such as "/clinic.v1.BookingService/GetBooking".
func methodOf(path string) method {
	result := method{takesToken: true}
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."))
	if found, err := protoregistry.GlobalFiles.FindDescriptorByName(name); err == nil {
		if options, hasOptions := found.Options().(*descriptorpb.MethodOptions); hasOptions {
			result.isRead = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
		}
	}
	result.isRepeatable = result.isRead
	switch path {
	case "/clinic.v1.UserService/Login", refreshToken:
		// Another sign-in is another session; a repeated refresh gets the same session for some seconds.
		result.isRepeatable, result.takesToken = true, false
	case "/clinic.v1.UserService/CreateUser", "/clinic.v1.UserService/RequestPasswordReset",
		"/clinic.v1.UserService/ResetPassword":
		result.takesToken = false
	}
	return result
}
