-- Whether the p_limit seals after the one with the number p_after fit their events and the seals before them. Of what may have been
-- archived the seals are only counted.
create function check_seals(p_after bigint, p_limit bigint) returns table (number bigint, is_right boolean)
language sql stable as $$
    select seal.number,
        (seal.number = 1 or before.number is not null)
        and (
            coalesce(
                (seal.first_transaction_number, seal.first_sequence)
                    <= (select mark.position, mark.sequence from archive_mark as mark), false)
            or content.events = seal.events
                and seal.digest = clinic.seal_digest(
                    seal.number, seal.first_transaction_number, seal.first_sequence, seal.last_transaction_number,
                    seal.last_sequence, content.events, content.digest, before.digest)
        )
    from (select * from clinic.event_seal where event_seal.number > p_after order by event_seal.number limit p_limit) as seal
    left join clinic.event_seal as before on before.number = seal.number - 1
    cross join lateral clinic.event_digest(
        coalesce(before.last_transaction_number, 0), coalesce(before.last_sequence, 0), seal.last_transaction_number,
        seal.last_sequence) as content
    order by seal.number
$$;
