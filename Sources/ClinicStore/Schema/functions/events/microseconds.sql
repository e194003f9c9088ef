-- An instant as a whole number of microseconds since 1970, for what is read as an array of numbers.
create function microseconds(instant timestamptz) returns bigint language sql stable as $$
    select (extract(epoch from instant) * 1000000)::bigint
$$;
