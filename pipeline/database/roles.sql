-- Roles and rights as the database has them.

-- who --
-- Who we are, which of the roles there are, and whether nothing is left for an administrator to do.
SELECT
    current_user::text,
    present.roles,
    CASE WHEN cardinality(present.roles) = cardinality(%(roles)s::text[]) THEN
        pg_has_role(current_user, (%(roles)s::text[])[1], 'USAGE')
        AND has_schema_privilege((%(roles)s::text[])[1], %(schema)s, 'USAGE')
        AND has_schema_privilege((%(roles)s::text[])[1], %(schema)s, 'CREATE')
        AND has_schema_privilege((%(roles)s::text[])[2], %(schema)s, 'USAGE')
        AND has_schema_privilege((%(roles)s::text[])[3], %(schema)s, 'USAGE')
        AND has_schema_privilege((%(roles)s::text[])[4], %(schema)s, 'USAGE')
    ELSE false END
FROM (
    SELECT coalesce(array_agg(rolname::text), '{}') AS roles FROM pg_roles WHERE rolname = ANY(%(roles)s::text[])
) AS present;

-- relations --
SELECT relname::text, relkind::text, pg_get_userbyid(relowner)::text
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v')
ORDER BY relname;

-- rights --
-- What is granted to the roles and to everybody.
SELECT relation.relname::text, coalesce(grantee.rolname, 'PUBLIC')::text, array_agg(acl.privilege_type::text)
FROM pg_class AS relation
CROSS JOIN LATERAL aclexplode(relation.relacl) AS acl
LEFT JOIN pg_roles AS grantee ON grantee.oid = acl.grantee
WHERE relation.relnamespace = current_schema()::regnamespace
  AND relation.relkind IN ('r', 'v')
  AND (acl.grantee = 0 OR grantee.rolname = ANY(%(roles)s::text[]))
GROUP BY 1, 2;
