-- Enters what moved by payments, refunds or voids into the ledger, one journal for each transaction of a batch. The parts of a
-- refund or a void are negative. Revenue and GST are credits, what the clearing account gets is their sum.
create function post_journal(p_transactions bigint[], p_kind text, p_fees bigint[], p_gsts bigint[])
returns void language plpgsql as $$
begin
    insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
    select journal.number, journal.transaction_id, p_kind, entry.account, entry.amount
    from (
        select nextval('clinic.ledger_journal') as number, transaction_id, fee, gst
        from unnest(p_transactions, p_fees, p_gsts) as posted (transaction_id, fee, gst)
    ) as journal,
        lateral (values ('clearing', fee + gst), ('revenue', -fee), ('gst_payable', -gst)) as entry (account, amount)
    where entry.amount <> 0;
end
$$;
