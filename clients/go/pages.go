package clinic

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// An Iterator goes through a list, whose pages it fetches as they are needed:
//
//	doctors := clinic.List(ctx, client.Doctor.ListDoctors, &v1.ListDoctorsRequest{}, (*v1.ListDoctorsResponse).GetDoctors)
//	for doctors.Next() {
//		fmt.Println(doctors.Item().GetFullName())
//	}
//	return doctors.Err()
type Iterator[Item any] struct {
	fetch func() ([]Item, bool, error)
	items []Item
	item  Item
	isEnd bool
	err   error
}

type page interface {
	proto.Message
	GetNextPageToken() string
}

// List returns an iterator over the items of a list method, from the request's page_token on.
func List[Request proto.Message, Page page, Item any](
	ctx context.Context, call func(context.Context, Request, ...grpc.CallOption) (Page, error), request Request,
	items func(Page) []Item,
) *Iterator[Item] {
	next := proto.Clone(request).(Request)
	token := next.ProtoReflect().Descriptor().Fields().ByName("page_token")
	return &Iterator[Item]{fetch: func() ([]Item, bool, error) {
		answer, err := call(ctx, next)
		if err != nil {
			return nil, true, err
		}
		next.ProtoReflect().Set(token, protoreflect.ValueOfString(answer.GetNextPageToken()))
		return items(answer), answer.GetNextPageToken() == "", nil
	}}
}

// Next moves to the next item, and reports whether there is one.
func (i *Iterator[Item]) Next() bool {
	for len(i.items) == 0 {
		if i.isEnd {
			return false
		}
		i.items, i.isEnd, i.err = i.fetch()
	}
	i.item, i.items = i.items[0], i.items[1:]
	return true
}

// Item returns the item that Next moved to.
func (i *Iterator[Item]) Item() Item { return i.item }

// Err returns why the list ended early, or nil.
func (i *Iterator[Item]) Err() error { return i.err }
