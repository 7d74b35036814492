CREATE TABLE `chat_members` (
	`channel_id` integer NOT NULL,
	`user_id` integer NOT NULL,
	`role` text NOT NULL,
	`added_at` integer NOT NULL,
	PRIMARY KEY(`channel_id`, `user_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `chat_channels`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `chat_members_by_user` ON `chat_members` (`user_id`);--> statement-breakpoint
CREATE TABLE `chat_reads` (
	`user_id` integer NOT NULL,
	`channel_id` integer NOT NULL,
	`seq` integer NOT NULL,
	PRIMARY KEY(`user_id`, `channel_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`channel_id`) REFERENCES `chat_channels`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `chat_reads_by_channel` ON `chat_reads` (`channel_id`);--> statement-breakpoint
CREATE TABLE `chat_rooms` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`kind` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `__new_chat_channels` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`topic` text DEFAULT '' NOT NULL,
	`is_default` integer DEFAULT 0 NOT NULL,
	`category` text DEFAULT 'general' NOT NULL,
	`visibility` text DEFAULT 'public' NOT NULL,
	`mode` text DEFAULT 'open' NOT NULL,
	`slowmode_seconds` integer DEFAULT 0 NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`last_seq` integer DEFAULT 0 NOT NULL,
	`stream_id` integer,
	`created_by` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`id`) REFERENCES `chat_rooms`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`stream_id`) REFERENCES `streams`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`created_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
INSERT INTO `chat_rooms`("id", "kind", "created_at") SELECT "id", 'channel', "created_at" FROM `chat_channels`;--> statement-breakpoint
INSERT INTO `__new_chat_channels`("id", "name", "description", "topic", "is_default", "category", "visibility", "mode", "stream_id", "created_by", "created_at")
SELECT "id", "name", CASE WHEN "stream_id" IS NULL THEN "description" ELSE '' END, "topic", "is_default", "category", "visibility", CASE "mode" WHEN 'readonly' THEN 'readonly' ELSE 'open' END, "stream_id", "created_by", "created_at"
FROM `chat_channels`;--> statement-breakpoint
DROP TABLE `chat_channels`;--> statement-breakpoint
ALTER TABLE `__new_chat_channels` RENAME TO `chat_channels`;--> statement-breakpoint
CREATE UNIQUE INDEX `chat_channels_name_unique` ON `chat_channels` (`name`);--> statement-breakpoint
CREATE INDEX `chat_channels_by_stream` ON `chat_channels` (`stream_id`);--> statement-breakpoint
ALTER TABLE `users` ADD `home_region` text;--> statement-breakpoint
INSERT INTO `chat_rooms`("kind", "created_at")
SELECT 'channel', unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'general');--> statement-breakpoint
INSERT INTO `chat_channels`("id", "name", "description", "is_default", "created_at")
SELECT (SELECT max("id") FROM `chat_rooms`), 'general', 'For everything', 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'general');--> statement-breakpoint
INSERT INTO `chat_rooms`("kind", "created_at")
SELECT 'channel', unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'random');--> statement-breakpoint
INSERT INTO `chat_channels`("id", "name", "description", "is_default", "created_at")
SELECT (SELECT max("id") FROM `chat_rooms`), 'random', 'Off topic', 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'random');--> statement-breakpoint
INSERT INTO `chat_rooms`("kind", "created_at")
SELECT 'channel', unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'help');--> statement-breakpoint
INSERT INTO `chat_channels`("id", "name", "description", "is_default", "created_at")
SELECT (SELECT max("id") FROM `chat_rooms`), 'help', 'Questions and answers', 1, unixepoch() * 1000 WHERE NOT EXISTS (SELECT 1 FROM `chat_channels` WHERE "name" = 'help');
