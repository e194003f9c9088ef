-- Where the trail begins: the highest position of an event that was archived, and when the last of them was written; no row if
-- nothing was.
create view archive_mark as
select transaction_number as position, sequence,
    (select max(last_occurred_at) from clinic.event_archive) as last_occurred_at
from clinic.event_archive
order by transaction_number desc, sequence desc limit 1;
