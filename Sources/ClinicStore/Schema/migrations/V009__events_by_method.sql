-- Lists the events of a method without a look at those of others, however rare it is.
create index event_of_method on clinic.event (method, transaction_number, sequence);
