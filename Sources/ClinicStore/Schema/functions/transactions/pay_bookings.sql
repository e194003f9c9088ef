-- Settles bookings at the prices that were fixed when they were made, for a batch of callers; each gets what it would get
-- alone. `call` is a caller's place in the arrays. p_payable are the statuses in which a booking may be paid, p_confirmed_from
-- those that a payment turns into CONFIRMED. An owner is null for the staff.
--
-- One statement pays for everybody who has a new key and whose booking may be paid; of several who pay for one booking it
-- takes the first. The others are looked at one after the other; so is an only caller, whom that costs less.
--
-- Locks: the keys (claim_keys); the bookings (lock_bookings).
-- Refusals: KEY_REUSED; BOOKING_NOT_FOUND; NOT_PAYABLE with the status; ALREADY_PAID.
create function pay_bookings(
    p_actors bigint[], p_methods text[], p_keys text[], p_digests bytea[], p_bookings bigint[], p_owners bigint[],
    p_payable text[], p_confirmed_from text[])
returns table (call bigint, refusal text, detail text[], result transaction_view) language plpgsql as $$
declare
    rest bigint[] := '{1}';
    claimed bigint[];
    ids bigint[];
    paid_count bigint;
    context request_context;
    paid record;
    made transaction_view;
begin
    if cardinality(p_actors) > 1 then
        claimed := claim_keys(p_actors, p_keys);
        perform lock_bookings(p_bookings, p_owners, null);
        ids := array(select nextval('clinic.transaction_id_seq') from unnest(p_actors));
        return query
            with due as materialized (
                select given.*, booking.user_id, booking.doctor_id, booking.fee, booking.gst, booking.start_time,
                    status_after_payment(booking.status, p_confirmed_from) as status_after
                from unnest(p_actors, p_methods, p_keys, p_digests, p_bookings, p_owners, ids)
                    with ordinality as given (actor, method, key, digest, booking_id, owner_id, id, place)
                join clinic.booking on booking.id = given.booking_id
                where given.place = any (claimed) and may_be_paid(booking, given.owner_id, p_payable)
                order by booking.id, given.place
            ), inserted as (
                insert into clinic.transaction (id, booking_id, user_id, fee, gst, total_fee, status)
                select distinct on (due.booking_id) due.id, due.booking_id, due.user_id, due.fee, due.gst, due.fee + due.gst,
                    'PAID'
                from due order by due.booking_id, due.place
                on conflict (booking_id) where clinic.is_live_payment(status) do nothing
                returning transaction.id
            ), settled as materialized (
                -- Wrapped, so that it is a look-up in a hash table: a join would be a loop in a loop.
                select due.*, row(id, fee, gst, fee + gst, 0, 'PAID', 1, booking_id, start_time, status_after,
                        user_id)::transaction_view as transaction
                from due where (id in (select inserted.id from inserted)) is true
            ), event as (
                insert into clinic.event (actor_id, user_id, doctor_id, method, entity, entity_id, change)
                select actor, user_id, doctor_id, method, 'transaction', id, payment_made(booking_id, fee + gst)
                from settled order by place
            ), response as (
                insert into clinic.idempotency_key (user_id, key, method, request_digest, response)
                select actor, key, method, digest, to_jsonb(transaction) from settled where key is not null
            )
            select place, null::text, null::text[], transaction from settled;
        get diagnostics paid_count = row_count;
        if paid_count > 0 then
            perform post_journal(array_agg(id), 'PAYMENT', array_agg(fee), array_agg(gst))
            from clinic.transaction where id = any (ids);
            update clinic.booking
            set status = status_after_payment(booking.status, p_confirmed_from), version = booking.version + 1
            from clinic.transaction where transaction.id = any (ids) and booking.id = transaction.booking_id;
        end if;
        if paid_count = cardinality(p_actors) then
            return;
        end if;
        rest := array(
            select place from unnest(ids) with ordinality as given (id, place)
            where not exists (select from clinic.transaction where transaction.id = given.id) order by place);
    end if;

    foreach call in array rest loop
        context := row(p_actors[call], p_methods[call], p_keys[call], p_digests[call]);
        return query select call, replayed.* from replay(context, null::transaction_view) as replayed;
        continue when found;

        select user_id, doctor_id, fee, gst, start_time, status_now(status, hold_expires_at) as status,
            status_after_payment(status, p_confirmed_from) as status_after,
            may_be_paid(booking, p_owners[call], p_payable) as is_payable into paid
        from clinic.booking where id = p_bookings[call] and is_visible_to(booking, p_owners[call])
        for no key update;
        if not found then
            return query select call, 'BOOKING_NOT_FOUND', array['booking_id', p_bookings[call]::text], null::transaction_view;
            continue;
        elsif not paid.is_payable then
            return query select call, 'NOT_PAYABLE', array['status', paid.status], null::transaction_view;
            continue;
        end if;

        insert into clinic.transaction (booking_id, user_id, fee, gst, total_fee, status)
        values (p_bookings[call], paid.user_id, paid.fee, paid.gst, paid.fee + paid.gst, 'PAID')
        on conflict (booking_id) where clinic.is_live_payment(status) do nothing
        returning id, fee, gst, total_fee, refunded_amount, status, version, booking_id, paid.start_time,
            paid.status_after, user_id
        into made;
        if not found then
            return query select call, 'ALREADY_PAID', null::text[], null::transaction_view;
            continue;
        end if;
        perform post_journal(array[made.id], 'PAYMENT', array[paid.fee], array[paid.gst]);
        update clinic.booking set status = paid.status_after, version = version + 1 where id = p_bookings[call];
        return query select call, completed.* from complete_mutation(
            context, 'transaction', made.id, paid.user_id, paid.doctor_id, payment_made(p_bookings[call], made.total_fee),
            made) as completed;
    end loop;
end
$$;
