DELETE FROM `idempotency_keys`;--> statement-breakpoint
ALTER TABLE `idempotency_keys` ADD `user_id` integer NOT NULL REFERENCES users(id) ON DELETE cascade;--> statement-breakpoint
CREATE INDEX `idempotency_keys_by_user` ON `idempotency_keys` (`user_id`);
