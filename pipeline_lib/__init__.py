"""From raw data to paper figures: two papers that disentangle what a video is from how it moves."""
