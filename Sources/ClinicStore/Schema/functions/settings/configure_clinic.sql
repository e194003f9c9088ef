-- Changes the settings that are not null. If they are the same already, nothing is changed.
--
-- Locks: the settings; the departments by number (update), so that whatever was decided by the old settings is written before, or
-- not at all.
-- Refusals: HAS_BOOKINGS when there is a booking, whose time another zone would move; HAS_AMOUNTS when there is an amount, which
-- another currency would change.
create function configure_clinic(
    context request_context, p_time_zone text, p_currency text, p_gst_basis_points bigint, p_full_refund_seconds bigint,
    p_hold_seconds bigint)
returns setof settings_outcome language plpgsql as $$
declare
    old clinic.settings;
    new clinic.settings;
    result settings_record;
begin
    select * into old from clinic.settings for update;
    perform 1 from clinic.department order by id for update;
    new := old;
    new.time_zone := coalesce(p_time_zone, old.time_zone);
    new.currency := coalesce(p_currency, old.currency);
    new.gst_basis_points := coalesce(p_gst_basis_points, old.gst_basis_points);
    new.full_refund_seconds := coalesce(p_full_refund_seconds, old.full_refund_seconds);
    new.hold_seconds := coalesce(p_hold_seconds, old.hold_seconds);
    if new.time_zone <> old.time_zone and exists (select from clinic.booking) then
        return query select 'HAS_BOOKINGS', null::text[], result;
        return;
    elsif new.currency <> old.currency and (
        exists (select from clinic.doctor where fee > 0) or exists (select from clinic.booking where fee > 0)) then
        return query select 'HAS_AMOUNTS', null::text[], result;
        return;
    end if;

    if new is distinct from old then
        new.version := old.version + 1;
        update clinic.settings
        set time_zone = new.time_zone, currency = new.currency, gst_basis_points = new.gst_basis_points,
            full_refund_seconds = new.full_refund_seconds, hold_seconds = new.hold_seconds, version = new.version;
        update clinic.department set settings_version = new.version;
        perform append_event(context, 'settings', 1, null, null, jsonb_build_object(
            'from', to_jsonb(old) - 'is_only', 'to', to_jsonb(new) - 'is_only'));
    end if;
    result := row(new.time_zone, new.currency, new.gst_basis_points, new.full_refund_seconds, new.hold_seconds, new.version);
    return query select null::text, null::text[], result;
end
$$;
