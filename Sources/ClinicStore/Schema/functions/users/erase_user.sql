-- Erases a user: the row stays for what refers to it, without anything that tells who it was, and what the user has booked
-- after p_now is cancelled: by the clinic, or by the user who erases himself or herself (cancel_future_bookings). The responses stored for repeated keys lose the name too, those of others included.
-- p_owner is who the user must be; null for administrators. If p_is_preview, nothing is changed.
--
-- Locks: the key, the user (no key update), changes of administrators (is_last_administrator), the bookings by number and their
-- payments, the rows of keys (advisory 7411, 4).
-- Refusals: KEY_REUSED, USER_NOT_FOUND, LAST_ADMINISTRATOR.
create function erase_user(
    context request_context, p_id bigint, p_owner bigint, p_now timestamptz, p_cancelled_from text[],
    p_refund_seconds bigint, p_is_preview boolean)
returns setof cancellation_outcome language plpgsql as $$
declare
    result cancellations;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform 1 from clinic.user_account
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', array['user_id', p_id::text], result;
        return;
    elsif is_last_administrator(p_id) then
        return query select 'LAST_ADMINISTRATOR', null::text[], result;
        return;
    end if;

    result := cancel_future_bookings(
        context, null, p_id, p_now, p_cancelled_from, p_refund_seconds, p_is_preview);
    if p_is_preview then
        return query select null::text, null::text[], result;
        return;
    end if;
    -- Neither the e-mail nor the hash is one that anybody can sign in with: one has no @, the other is no hash.
    update clinic.user_account
    set first_name = 'Erased', last_name = 'user', phone = '', email = 'erased ' || p_id, password_hash = '',
        role = 'PATIENT', token_version = token_version + 1, version = version + 1, erased_at = clock_timestamp()
    where id = p_id;
    delete from clinic.refresh_family where user_id = p_id;
    delete from clinic.login_peer where user_id = p_id;
    delete from clinic.password_reset where user_id = p_id;
    delete from clinic.password_reset_request where user_id = p_id;
    perform pg_advisory_xact_lock(7411, 4);
    delete from clinic.idempotency_key where user_id = p_id;
    update clinic.idempotency_key as kept
    set response = kept.response || jsonb_build_object('first_name', 'Erased', 'last_name', 'user')
        || case when kept.response ? 'email' then jsonb_build_object('phone', '', 'email', 'erased ' || p_id)
            else '{}' end
    where clinic.named_user(kept.response) = p_id and clinic.named_user(kept.response) <> kept.user_id;
    return query select * from complete_mutation(
        context, 'user', p_id, p_id, null, jsonb_build_object('erased', true, 'cancelled_bookings', result.bookings), result);
end
$$;
