package main

func Example() {
	main()
	// Output:
	// january: 3 records
	//   A1  Anchor          12.50
	//   B2  Bell            30.00
	//   C3  Compass         45.00
	// february: 3 records
	//   A1  Anchor          12.50
	//   B2  Bell            28.00
	//   C3  Compass, brass  45.00
	//   D4  Dinghy         900.00
}
