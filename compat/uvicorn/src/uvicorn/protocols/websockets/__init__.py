"""What connections speak. It is licorne that speaks it; the classes here give names and constructors."""
