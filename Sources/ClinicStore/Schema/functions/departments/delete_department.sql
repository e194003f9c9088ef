-- Deletes a department. p_force is empty, or the statuses in which future bookings of its doctors are cancelled while the
-- doctors are deleted with it. Bookings and registrations share-lock the department, so none can slip in between the count and
-- the deletion. If p_is_preview, nothing is changed.
--
-- Locks: the key, the department (update), its doctors by number (update), the bookings of all by number and their payments.
-- Refusals: KEY_REUSED, DEPARTMENT_NOT_FOUND, HAS_DEPENDANTS with the counts.
create function delete_department(context request_context, p_id bigint, p_now timestamptz, p_force text[],
    p_is_preview boolean)
returns setof cancellation_outcome language plpgsql as $$
declare
    doctors bigint;
    bookings bigint;
    members bigint[];
    member bigint;
    cancelled cancellations;
    result cancellations := row(0, 0);
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform 1 from clinic.department where id = p_id and deleted_at is null for update;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', array['department_id', p_id::text], result;
        return;
    end if;

    if cardinality(p_force) = 0 then
        select count(*) into doctors from clinic.doctor where department_id = p_id and deleted_at is null;
        select count(*) into bookings from clinic.booking
        where doctor_id in (select id from clinic.doctor where department_id = p_id) and start_time > p_now
            and hidden_at is null and occupies_time_now(status, hold_expires_at, completed_at, end_time);
        if doctors > 0 or bookings > 0 then
            return query select 'HAS_DEPENDANTS',
                array['doctors', doctors::text, 'future_bookings', bookings::text], result;
            return;
        end if;
    else
        members := array(
            select id from clinic.doctor where department_id = p_id and deleted_at is null order by id for update);
        perform lock_bookings(array(
            select id from clinic.booking
            where doctor_id = any (members) and start_time > p_now and hidden_at is null and status = any (p_force)),
            null, null);
        foreach member in array members loop
            cancelled := cancel_future_bookings(context, member, null, p_now, p_force, 0, p_is_preview);
            result := row(result.bookings + cancelled.bookings, result.refunded + cancelled.refunded);
            continue when p_is_preview;
            update clinic.doctor set deleted_at = clock_timestamp(), version = version + 1 where id = member;
            perform append_event(context, 'doctor', member, null, member,
                jsonb_build_object('deleted', true, 'cancelled', cancelled.bookings));
        end loop;
    end if;
    if p_is_preview then
        return query select null::text, null::text[], result;
        return;
    end if;

    update clinic.department set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from complete_mutation(context, 'department', p_id, null, null, '{"deleted": true}', result);
end
$$;
