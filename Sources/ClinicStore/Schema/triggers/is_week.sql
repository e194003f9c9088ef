-- Whether numbers are the working hours of a week: minutes since Monday 00:00, a start and an end in turn, ascending, none
-- across midnight. The table doctor checks its weekly hours with it.
create or replace function clinic.is_week(minutes bigint[]) returns boolean language sql immutable as $$
    select cardinality(minutes) % 2 = 0 and coalesce(bool_and(
        case when place % 2 = 1
            then minute between 0 and 10079 and minutes[place + 1] > minute
                and minutes[place + 1] <= (minute / 1440 + 1) * 1440
            else place = cardinality(minutes) or minutes[place + 1] >= minute
        end), true)
    from unnest(minutes) with ordinality as one (minute, place)
$$;
