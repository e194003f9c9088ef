-- Whether a transaction in this status settles its booking, or is about to: a booking has at most one such.
-- TransactionStatus.isLive says the same, and a test compares the two.
create or replace function clinic.is_live_payment(status text) returns boolean language sql immutable as $$
    select status not in ('REFUNDED', 'FAILED', 'VOIDED')
$$;
