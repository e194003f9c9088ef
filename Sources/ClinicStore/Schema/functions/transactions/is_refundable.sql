-- Whether some of the money of a transaction in this status can still be given back. TransactionStatus.isRefundable says the
-- same, and a test compares the two.
create function is_refundable(status text) returns boolean language sql immutable as $$
    select status in ('PAID', 'PARTIALLY_REFUNDED')
$$;
