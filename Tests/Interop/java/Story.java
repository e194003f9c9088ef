// A patient of Java's gRPC library: Story tcp:HOST:PORT. The last line says how many steps there were.

import com.clinic.v1.BookAppointmentRequest;
import com.clinic.v1.Booking;
import com.clinic.v1.BookingEvent;
import com.clinic.v1.CreateUserRequest;
import com.clinic.v1.DoctorSlots;
import com.clinic.v1.LoginRequest;
import com.clinic.v1.LoginResponse;
import com.clinic.v1.SearchSlotsRequest;
import com.clinic.v1.SearchSlotsResponse;
import com.clinic.v1.User;
import com.clinic.v1.WatchBookingsRequest;
import com.clinic.v1.WatchBookingsResponse;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

public class Story {
    private static int steps = 0;

    private static void step(String name) {
        steps++;
        System.out.println(name);
    }

    private static void check(boolean condition, Object what) {
        if (!condition) throw new IllegalStateException("wrong: " + what);
    }

    /** A method as the generator for stubs describes it. */
    private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
            String name, Q request, R response, MethodDescriptor.MethodType type) {
        return MethodDescriptor.<Q, R>newBuilder()
                .setType(type)
                .setFullMethodName("clinic.v1." + name)
                .setRequestMarshaller(ProtoUtils.marshaller(request))
                .setResponseMarshaller(ProtoUtils.marshaller(response))
                .build();
    }

    @SuppressWarnings("unchecked")
    private static <Q extends Message, R extends Message> R call(Channel channel, String name, Q request, R response) {
        Q none = (Q) request.getDefaultInstanceForType();
        return ClientCalls.blockingUnaryCall(
                channel, method(name, none, response, MethodDescriptor.MethodType.UNARY),
                CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS), request);
    }

    private static Channel with(Channel channel, String... pairs) {
        Metadata metadata = new Metadata();
        for (int i = 0; i < pairs.length; i += 2) {
            metadata.put(Metadata.Key.of(pairs[i], Metadata.ASCII_STRING_MARSHALLER), pairs[i + 1]);
        }
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    public static void main(String[] arguments) {
        ManagedChannel channel = NettyChannelBuilder.forTarget(arguments[0].substring("tcp:".length())).usePlaintext().build();
        try {
            tell(channel);
            System.out.println(steps + " steps");
        } finally {
            channel.shutdownNow();
        }
    }

    private static void tell(ManagedChannel channel) {
        String email = "java-" + UUID.randomUUID() + "@example.org";
        call(channel, "UserService/CreateUser", CreateUserRequest.newBuilder().setFirstName("Java").setLastName("Ient ☂")
                .setPhone("0400000000").setEmail(email).setPassword("correct horse").build(), User.getDefaultInstance());
        LoginRequest login = LoginRequest.newBuilder().setEmail(email).setPassword("correct horse").build();
        String token = call(channel, "UserService/Login", login, LoginResponse.getDefaultInstance()).getToken();
        Channel patient = with(channel, "authorization", "Bearer " + token);
        step("a patient signs up and in");

        try {
            call(channel, "UserService/Login", login.toBuilder().setPassword("wrong horse").build(),
                    LoginResponse.getDefaultInstance());
            check(false, "a password that is not one");
        } catch (StatusRuntimeException error) {
            check(error.getStatus().getCode() == Status.Code.UNAUTHENTICATED, error);
            byte[] details = error.getTrailers().get(
                    Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER));
            check(new String(details, StandardCharsets.UTF_8).contains("WRONG_CREDENTIALS"), error);
        }
        step("a failure has its reason");

        Iterator<WatchBookingsResponse> watch = ClientCalls.blockingServerStreamingCall(
                patient, method("BookingService/WatchBookings", WatchBookingsRequest.getDefaultInstance(),
                        WatchBookingsResponse.getDefaultInstance(), MethodDescriptor.MethodType.SERVER_STREAMING),
                CallOptions.DEFAULT, WatchBookingsRequest.getDefaultInstance());
        check(!watch.next().getResumeToken().isEmpty(), "a watch begins with its position");
        SearchSlotsRequest search = SearchSlotsRequest.newBuilder().setDepartmentId(1).setSlotsPerDoctor(1).build();
        DoctorSlots free = call(channel, "BookingService/SearchSlots", search, SearchSlotsResponse.getDefaultInstance())
                .getDoctorsList().stream().filter(doctor -> doctor.getSlotsCount() > 0).findFirst().orElseThrow();
        BookAppointmentRequest wish = BookAppointmentRequest.newBuilder()
                .setDoctorId(free.getDoctor().getId()).setStartTime(free.getSlots(0).getStartTime()).build();
        Channel once = with(patient, "idempotency-key", UUID.randomUUID().toString());
        Booking booked = call(once, "BookingService/BookAppointment", wish, Booking.getDefaultInstance());
        check(call(once, "BookingService/BookAppointment", wish, Booking.getDefaultInstance()).equals(booked),
                "the same answer for the same key");
        step("the patient books once");

        WatchBookingsResponse change = watch.next();
        while (!change.hasEvent()) change = watch.next();
        BookingEvent event = change.getEvent();
        check(event.getBookingId() == booked.getId(), event);
        step("the watch reports it");
    }
}
