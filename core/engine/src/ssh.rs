//! SSH version banners and key exchange.
