-- What a web server that only answers may change; run as citechat_owner once the tables are there, and after updates.
GRANT SELECT ON ALL TABLES IN SCHEMA citechat TO citechat_web;
GRANT INSERT, UPDATE, DELETE ON
    citechat.conversations, citechat.exchanges, citechat.feedback, citechat.sessions, citechat.lockouts, citechat.buckets,
    citechat.day_outcomes, citechat.day_questions
    TO citechat_web;
GRANT INSERT ON citechat.secrets TO citechat_web;
