-- Each entry of the ledger makes sure that its transaction is there. On a table that is new PostgreSQL takes an index that
-- has the number behind something else to be as good as the primary key, and reads all of it each time until the table is
-- analysed: the first minute of payments went at half the pace. So that number is in no such index.
drop index clinic.transaction_of_booking;
create index transaction_of_booking on clinic.transaction (booking_id);
