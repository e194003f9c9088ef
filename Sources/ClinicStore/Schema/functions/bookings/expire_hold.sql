-- Sets a locked hold that ran out to EXPIRED. Nobody asked for that, so its event has no actor.
create function expire_hold(hold clinic.booking) returns void language plpgsql as $$
begin
    update clinic.booking set status = 'EXPIRED', version = version + 1 where id = hold.id;
    perform append_event(row(null, 'clinicd/expire-hold', null, null), 'booking', hold.id, hold.user_id, hold.doctor_id,
        '{"from": "HELD", "status": "EXPIRED"}');
end
$$;
