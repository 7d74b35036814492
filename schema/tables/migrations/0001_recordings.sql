CREATE TABLE `doomed_objects` (
	`key` text PRIMARY KEY NOT NULL,
	`upload_id` text,
	`created_at` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`not_before` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE `vod_parts` (
	`id` text PRIMARY KEY NOT NULL,
	`vod_id` integer NOT NULL,
	`epoch` text NOT NULL,
	`n` integer NOT NULL,
	`worker_id` text NOT NULL,
	`state` text NOT NULL,
	`object_key` text NOT NULL,
	`upload_id` text,
	`started_at` integer NOT NULL,
	`duration_ms` integer DEFAULT 0 NOT NULL,
	`size` integer DEFAULT 0 NOT NULL,
	`width` integer,
	`height` integer,
	`frame_rate` real,
	`codecs` text NOT NULL,
	`init_bytes` integer NOT NULL,
	`header_bytes` integer NOT NULL,
	`runs` text,
	`end` text,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`vod_id`) REFERENCES `vods`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `vod_parts_by_state` ON `vod_parts` (`state`,`updated_at`);--> statement-breakpoint
CREATE UNIQUE INDEX `vod_parts_in_order` ON `vod_parts` (`vod_id`,`epoch`,`n`);--> statement-breakpoint
CREATE TABLE `vod_runs` (
	`part_id` text NOT NULL,
	`first` integer NOT NULL,
	`runs` text NOT NULL,
	PRIMARY KEY(`part_id`, `first`),
	FOREIGN KEY (`part_id`) REFERENCES `vod_parts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `vod_slices` (
	`part_id` text NOT NULL,
	`n` integer NOT NULL,
	`size` integer NOT NULL,
	`etag` text NOT NULL,
	PRIMARY KEY(`part_id`, `n`),
	FOREIGN KEY (`part_id`) REFERENCES `vod_parts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `vods` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`public_id` text NOT NULL,
	`user_id` integer NOT NULL,
	`stream_id` integer,
	`session` text NOT NULL,
	`title` text NOT NULL,
	`visibility` text NOT NULL,
	`status` text NOT NULL,
	`error` text,
	`session_ended` integer DEFAULT 0 NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`duration_ms` integer DEFAULT 0 NOT NULL,
	`size` integer DEFAULT 0 NOT NULL,
	`gaps` text NOT NULL,
	`has_thumbnail` integer DEFAULT 0 NOT NULL,
	`storyboard` text,
	`settled` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `vods_public_id_unique` ON `vods` (`public_id`);--> statement-breakpoint
CREATE INDEX `vods_by_owner` ON `vods` (`user_id`,`started_at`);--> statement-breakpoint
CREATE INDEX `vods_by_status` ON `vods` (`status`,`updated_at`);--> statement-breakpoint
CREATE UNIQUE INDEX `vods_by_session` ON `vods` (`stream_id`,`session`);--> statement-breakpoint
ALTER TABLE `streams` ADD `record` integer DEFAULT 1 NOT NULL;