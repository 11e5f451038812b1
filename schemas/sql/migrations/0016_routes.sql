-- Which containers to empty on each day, and which can wait.

CREATE TABLE container_route_day (
    day date PRIMARY KEY,
    begins_at timestamptz NOT NULL
);
CREATE INDEX container_route_day_begins_at ON container_route_day (begins_at);
COMMENT ON TABLE container_route_day IS 'Days whose lists of containers were made';
COMMENT ON COLUMN container_route_day.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route_day.begins_at IS 'When its round begins: the lists are of what was measured before';

CREATE TABLE container_route (
    day date NOT NULL,
    begins_at timestamptz NOT NULL,
    material text NOT NULL,
    revision integer NOT NULL,
    to_empty integer NOT NULL,
    can_wait integer NOT NULL,
    PRIMARY KEY (day, material)
);
COMMENT ON TABLE container_route IS 'A list for each day and material, as its containers are in container_route_stop';
COMMENT ON COLUMN container_route.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route.begins_at IS 'When the round begins';
COMMENT ON COLUMN container_route.material IS 'As the sites say; empty: of those that do not say';
COMMENT ON COLUMN container_route.revision IS 'Rises when late data or corrected sites change what is to be emptied, or why';
COMMENT ON COLUMN container_route.to_empty IS 'Containers to be emptied [1]';
COMMENT ON COLUMN container_route.can_wait IS 'Containers that can wait for the next round [1]';

CREATE TABLE container_route_stop (
    day date NOT NULL,
    begins_at timestamptz NOT NULL,
    material text NOT NULL,
    position integer NOT NULL,
    site text NOT NULL,
    name text NOT NULL,
    "group" text NOT NULL,
    device text COLLATE "C" NOT NULL,
    reason text,
    fill_ratio double precision,
    full_at timestamptz,
    full_earliest_at timestamptz,
    full_latest_at timestamptz,
    due_at timestamptz,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (day, material, position)
);
CREATE INDEX container_route_stop_site ON container_route_stop (site, day DESC);
COMMENT ON TABLE container_route_stop IS 'Containers of a list: those to be emptied first, the most urgent before the others';
COMMENT ON COLUMN container_route_stop.day IS 'In legal time (Europe/Berlin)';
COMMENT ON COLUMN container_route_stop.begins_at IS 'When the round begins';
COMMENT ON COLUMN container_route_stop.material IS 'As the site says; empty: it does not';
COMMENT ON COLUMN container_route_stop.position IS 'In the list of its material, from 1 on [1]';
COMMENT ON COLUMN container_route_stop.site IS 'The container';
COMMENT ON COLUMN container_route_stop.name IS 'The site''s name then';
COMMENT ON COLUMN container_route_stop."group" IS 'The site''s group then';
COMMENT ON COLUMN container_route_stop.device IS 'DevEUI that served it then';
COMMENT ON COLUMN container_route_stop.reason IS 'overfull, full, suspected_full, expected_full or not_emptied; null: it can wait';
COMMENT ON COLUMN container_route_stop.fill_ratio IS '0..1, the last fill before the round [1]';
COMMENT ON COLUMN container_route_stop.full_at IS 'When it will be at 1 if it goes on so; null: not in sight';
COMMENT ON COLUMN container_route_stop.full_earliest_at IS 'The same at the rate that a quarter of the slopes exceeds';
COMMENT ON COLUMN container_route_stop.full_latest_at IS 'The same at the rate that three quarters of the slopes exceed; null: perhaps never';
COMMENT ON COLUMN container_route_stop.due_at IS 'When it has to be emptied at the latest';
COMMENT ON COLUMN container_route_stop.observed_at IS 'The last measurement before the round';
