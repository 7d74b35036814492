CREATE TABLE `chat_online` (
	`gateway` text PRIMARY KEY NOT NULL,
	`users` integer NOT NULL,
	`written_at` integer NOT NULL
);
