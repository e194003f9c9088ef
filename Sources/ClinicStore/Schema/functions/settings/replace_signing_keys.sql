-- Forgets which keys servers sign with and ends every session, so that servers may start with other keys.
--
-- Locks: the signing keys; the users by number (update).
-- Refusals: none.
create function replace_signing_keys(context request_context)
returns setof settings_outcome language plpgsql as $$
declare
    result settings_record;
begin
    delete from clinic.signing_key;
    perform 1 from clinic.user_account where erased_at is null order by id for update;
    update clinic.user_account set token_version = token_version + 1 where erased_at is null;
    delete from clinic.refresh_family;
    delete from clinic.password_reset;
    perform append_event(context, 'settings', 1, null, null, '{"signing_keys_replaced": true}');
    select time_zone, currency, gst_basis_points, full_refund_seconds, hold_seconds, version
    into result from clinic.settings;
    return query select null::text, null::text[], result;
end
$$;
