-- Whether a week (minutes since Monday 00:00, a start and an end in turn) lies in a department's hours on each of its days.
create function is_within_hours(weekly_hours bigint[], p_opens bigint, p_closes bigint)
returns boolean language sql immutable as $$
    select coalesce(bool_and(case when place % 2 = 1
        then minute % 1440 >= p_opens
        else (minute - 1) % 1440 + 1 <= p_closes
    end), true)
    from unnest(weekly_hours) with ordinality as one (minute, place)
$$;
