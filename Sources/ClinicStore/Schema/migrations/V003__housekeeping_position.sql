-- Up to which age idempotency keys have been deleted, in microseconds since 1970. A sequence is overwritten in place: a row
-- would leave a dead one behind with each step, for as long as anybody holds an old snapshot.
create sequence clinic.keys_forgotten_until minvalue 0 start 0;
