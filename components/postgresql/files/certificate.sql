-- Records from when to when the certificate of the server is valid, for the exporter: it may read no file, and its own role
-- is where it may read. load-certificate.sh runs this as the superuser.
DO $$
DECLARE
  pem text := pg_read_file(current_setting('ssl_cert_file'));
  -- The server's own certificate comes first in the file.
  der text := encode(decode(substring(pem FROM '-----BEGIN CERTIFICATE-----(.*?)-----END'), 'base64'), 'hex');
  -- Validity of RFC 5280, 4.1.2.5: a sequence (30) of two times, each UTCTime (17) or GeneralizedTime (18), in digits and Z.
  times text[] := regexp_match(der, '30(?:1e|20|22)(?:170d|180f)((?:3\d)+)5a(?:170d|180f)((?:3\d)+)5a');
  seconds bigint[];
  moment text;
BEGIN
  PERFORM set_config('timezone', 'UTC', true);
  FOREACH moment IN ARRAY times LOOP
    moment := convert_from(decode(moment, 'hex'), 'UTF8');
    IF length(moment) = 12 THEN
      moment := CASE WHEN moment < '5' THEN '20' ELSE '19' END || moment;
    END IF;
    seconds := seconds || extract(epoch FROM to_timestamp(moment, 'YYYYMMDDHH24MISS'))::bigint;
  END LOOP;
  EXECUTE format('ALTER ROLE exporter SET open_webui_stack.certificate = %L', seconds[1] || ' ' || seconds[2]);
END
$$;
