CREATE TABLE `audit_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`action` text NOT NULL,
	`actor_kind` text NOT NULL,
	`actor_id` text,
	`actor_name` text,
	`target_type` text NOT NULL,
	`target_id` text,
	`target_name` text,
	`details` text NOT NULL,
	`ip` text,
	`request_id` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_log_by_time` ON `audit_log` (`created_at`);--> statement-breakpoint
CREATE INDEX `audit_log_by_action` ON `audit_log` (`action`);--> statement-breakpoint
CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `chat_channels` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`topic` text DEFAULT '' NOT NULL,
	`is_default` integer DEFAULT 0 NOT NULL,
	`category` text DEFAULT 'general' NOT NULL,
	`visibility` text DEFAULT 'public' NOT NULL,
	`mode` text DEFAULT 'normal' NOT NULL,
	`stream_id` integer,
	`created_by` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`stream_id`) REFERENCES `streams`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`created_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `chat_channels_name_unique` ON `chat_channels` (`name`);--> statement-breakpoint
CREATE INDEX `chat_channels_by_stream` ON `chat_channels` (`stream_id`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`payload` text NOT NULL,
	`created_at` integer NOT NULL,
	`sent_at` integer
);
--> statement-breakpoint
CREATE INDEX `outbox_unsent` ON `outbox` (`created_at`) WHERE sent_at IS NULL;--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`face` text NOT NULL,
	`kind` text NOT NULL,
	`scopes` text NOT NULL,
	`name` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`revoked_at` integer,
	`last_used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `sessions_by_user` ON `sessions` (`user_id`);--> statement-breakpoint
CREATE INDEX `sessions_by_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`username` text COLLATE NOCASE NOT NULL,
	`password_hash` text NOT NULL,
	`role` text DEFAULT 'user' NOT NULL,
	`nickname` text,
	`status` text DEFAULT 'online' NOT NULL,
	`status_message` text DEFAULT '' NOT NULL,
	`chat_anonymous` integer DEFAULT 0 NOT NULL,
	`avatar` text DEFAULT '{}' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username_unique` ON `users` (`username`);--> statement-breakpoint
CREATE TABLE `enrolment_tokens` (
	`hash` text PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer
);
--> statement-breakpoint
CREATE TABLE `job_reports` (
	`key` text PRIMARY KEY NOT NULL,
	`received_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `job_reports_by_time` ON `job_reports` (`received_at`);--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`spec` text NOT NULL,
	`order` text NOT NULL,
	`state` text NOT NULL,
	`attempt` integer NOT NULL,
	`lease_token` text,
	`worker_id` text,
	`stream_id` integer,
	`session` text,
	`affinity` text,
	`not_before` integer,
	`blame` text,
	`last_error` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `jobs_by_worker` ON `jobs` (`worker_id`,`state`);--> statement-breakpoint
CREATE INDEX `jobs_by_stream` ON `jobs` (`stream_id`);--> statement-breakpoint
CREATE INDEX `jobs_by_state` ON `jobs` (`state`,`updated_at`);--> statement-breakpoint
CREATE TABLE `media_workers` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`public_key` text NOT NULL,
	`roles` text NOT NULL,
	`play_url` text DEFAULT '' NOT NULL,
	`rtmp_url` text DEFAULT '' NOT NULL,
	`created_at` integer NOT NULL,
	`last_seen_at` integer,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `media_workers_public_key_unique` ON `media_workers` (`public_key`);--> statement-breakpoint
CREATE TABLE `streams` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` integer NOT NULL,
	`title` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`is_public` integer DEFAULT 1 NOT NULL,
	`allow_unauthenticated` integer DEFAULT 0 NOT NULL,
	`rtmp_enabled` integer DEFAULT 0 NOT NULL,
	`second_publisher` text DEFAULT 'takeover' NOT NULL,
	`live_key_hash` text NOT NULL,
	`live_key_sealed` text NOT NULL,
	`public_key` text NOT NULL,
	`chat_channel_id` integer,
	`thumbnail_url` text,
	`is_live` integer DEFAULT 0 NOT NULL,
	`live_version` integer DEFAULT 0 NOT NULL,
	`viewer_count` integer DEFAULT 0 NOT NULL,
	`total_views` integer DEFAULT 0 NOT NULL,
	`started_at` integer,
	`ended_at` integer,
	`last_target_duration` real,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `streams_live_key_hash_unique` ON `streams` (`live_key_hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `streams_public_key_unique` ON `streams` (`public_key`);--> statement-breakpoint
CREATE INDEX `streams_by_state` ON `streams` (`is_public`,`is_live`);--> statement-breakpoint
CREATE UNIQUE INDEX `streams_title_per_user` ON `streams` (`user_id`,`title`);