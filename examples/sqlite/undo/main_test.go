package main

func Example() {
	main()
	// Output:
	//   Ann  Rome      upload-1
	//   Bo   Oslo      upload-1
	//   Ann  Rom       upload-2
	//   Cy   Kiew      upload-2
	//   Di   Lissabon  upload-2
	// undone: 3 rows are deleted
	//   Ann  Rome      upload-1
	//   Bo   Oslo      upload-1
	// ledger: upload-1 is done
	// ledger: upload-2 is undone
}
